// Colours that code needs. The rest is in style.css.

// colour of a share of the highest value: from calm to hot, as a tint that text stays readable on.
export function colour(share: number): string {
  const x = Math.max(0, Math.min(1, share));
  const hue = 172 - 160 * x ** 1.3;
  return `hsl(${hue.toFixed(0)} 72% 45% / ${(0.1 + 0.4 * x).toFixed(2)})`;
}

export const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
