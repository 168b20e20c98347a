// Colours that code needs. The rest is in style.css.

// colour of a share of the highest value: from calm to hot, as a tint that text stays readable on.
export function colour(share: number): string {
  const x = Math.round(25 * Math.max(0, Math.min(1, share))) / 25; // in steps: a trifle repaints nothing
  const hue = 172 - 160 * x ** 1.3;
  return `hsl(${hue.toFixed(0)} 72% 45% / ${(0.1 + 0.4 * x).toFixed(2)})`;
}

const resolved = new Map<string, string>();
const forget = () => resolved.clear();
addEventListener("themechange", forget);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", forget);

// css is a colour of style.css in the theme in force. Asking the browser each time would make it restyle the page.
export function css(name: string): string {
  let value = resolved.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    resolved.set(name, value);
  }
  return value;
}
