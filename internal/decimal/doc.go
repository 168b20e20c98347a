// Package decimal reads and prints plain decimals so that their text comes back.
//
// # What it is
//
// A Decimal is an integer mantissa and a number of decimals, never a float64. Parse reads one, eight characters at a
// time where it can; Fit scales it to the decimals of its neighbours, and Append prints what was scaled.
//
// # Where it sits
//
// Under chunk, which stores mantissas. It imports nothing of ours.
//
// # Invariants
//
// What Parse takes and Fit scales is printed by Append as the text that was read, byte for byte. Nothing here allocates
// but for dst.
//
// # What it does not do
//
// It does not compute with decimals, and takes no exponents, no plus sign, no -0, no more than 18 digits.
package decimal
