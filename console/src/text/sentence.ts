// A message of the server as a sentence of a page. Pure.
export function sentence(text: string): string {
  const trimmed = text.trim().replace(/^./u, (c) => c.toUpperCase());
  return /[.!?]$/u.test(trimmed) ? trimmed : `${trimmed}.`;
}
