// Numbers as text, as viz/text.py writes them: a test compares the two.

export const DASH = "–";
const WHOLE = 1e9; // whole numbers below this are written in full
const MOST_DIGITS = 17, WRITTEN = 12;

export function number(value, digits = 4) {
  if (value === null || value === undefined) return DASH;
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "inf" : "-inf";
  const size = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (size < WHOLE && Number.isInteger(value)) return sign + size;
  const precision = size >= 1 && size < WHOLE ? Math.max(digits, String(Math.floor(size)).length + 1) : digits;
  const [mantissa, power] = size.toExponential(precision - 1).split("e");
  const figures = mantissa.replace(".", "").replace(/0+$/, "");
  return sign + laidOut(figures, Number(power), precision);
}

export const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

// With a true minus sign: on an edge, a hyphen is taken for a piece of the line.
export const onEdge = (value, digits) => number(value, digits).replaceAll("-", "−");

function laidOut(figures, exponent, precision) {
  if (exponent < -4 || exponent >= precision) {
    const point = figures.length > 1 ? "." : "";
    return `${figures[0]}${point}${figures.slice(1)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${figures}`;
  const whole = figures.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const rest = figures.slice(exponent + 1);
  return rest ? `${whole}.${rest}` : whole;
}

export const plus = (...terms) => terms.reduce((sum, term) => sum + term, 0);
export const times = (...factors) => factors.reduce((product, factor) => product * factor, 1);

// How many digits the operands must show so that the arithmetic reads true.
export function digitsNeeded(compute, operands, result, digits) {
  const wanted = number(result, digits);
  for (let precision = digits; precision < MOST_DIGITS; precision++) {
    const shown = operands.map((operand) => parsed(number(operand, precision)));
    if (number(compute(...shown), digits) === wanted) return precision;
  }
  return MOST_DIGITS;
}

// How many digits tell a number from every other.
export function exactDigits(value, digits) {
  while (digits < MOST_DIGITS && parsed(number(value, digits)) !== value) digits++;
  return digits;
}

export const exact = (value, digits) => number(value, exactDigits(value, digits));

// How many digits a constant is shown with: all that its author wrote, or `digits` where they are many.
export const constantDigits = (value, digits) => (parsed(number(value, WRITTEN)) === value ? WRITTEN : digits);

// The nearest number that is finite.
export const finite = (value) => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));

// A number that Python wrote: JSON has no NaN and no infinities.
export const parsed = (text) => Number(typeof text === "string" ? text.replace("inf", "Infinity") : text);

// Every digit: what reads back as the same number.
export const full = (value) => (value === null || value === undefined ? DASH : Object.is(value, -0) ? "-0" : String(value).replace("Infinity", "inf"));

// One number, or the range of several.
export function range(values, digits) {
  if (values.length < 2) return number(values[0] ?? null, digits);
  let low = Infinity, high = -Infinity, undefinedToo = "";
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
    if (Number.isNaN(value)) undefinedToo = ", NaN";
  }
  if (low > high) return "NaN";
  const [first, last] = [number(low, digits), number(high, digits)];
  return `${first === last ? first : `${first} … ${last}`}${undefinedToo}`;
}
