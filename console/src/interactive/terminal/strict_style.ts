// xterm.js draws with style elements and a style attribute, which the content security policy of the
// console ("style-src 'self'") refuses as inline style. Sheets that a script makes and the CSSOM are
// none. Its option documentOverride reaches neither the rows nor the scroll bar (6.0.0), so the build
// puts this element in the place of its style elements, and the CSSOM in that of the attribute
// (vite.config.ts). Without a build, as in development, there is no policy, and nothing is replaced.
export const STRICT_STYLE = "strict-style";

// Its text is a sheet of the page for as long as it stands there.
class StrictStyle extends HTMLElement {
  private readonly sheet = new CSSStyleSheet();

  override set textContent(text: string) {
    this.sheet.replaceSync(text);
  }
  connectedCallback(): void {
    document.adoptedStyleSheets.push(this.sheet);
  }
  disconnectedCallback(): void {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== this.sheet);
  }
}

if (!customElements.get(STRICT_STYLE)) customElements.define(STRICT_STYLE, StrictStyle);
