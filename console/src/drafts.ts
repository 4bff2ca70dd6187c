// What somebody has typed and not sent yet, kept for this tab: a reload, an error or a session that
// ended loses nothing. One text for each form, by name.

export interface DraftStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

const PREFIX = "reachback.draft.";

export class Drafts {
  private readonly store: DraftStore;

  constructor(store: DraftStore) {
    this.store = store;
  }

  // `fallback` where there is no draft, or one of another shape than an object.
  read<T extends object>(name: string, fallback: T): T {
    try {
      const value: unknown = JSON.parse(this.store.getItem(PREFIX + name) ?? "null");
      if (typeof value !== "object" || value === null || Array.isArray(value)) return fallback;
      return { ...fallback, ...value };
    } catch {
      return fallback;
    }
  }
  has(name: string): boolean {
    return this.store.getItem(PREFIX + name) !== null;
  }
  // Whether it could be kept: a store may be full.
  keep(name: string, value: object): boolean {
    try {
      this.store.setItem(PREFIX + name, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }
  drop(name: string): void {
    this.store.removeItem(PREFIX + name);
  }
}

export const drafts = new Drafts(
  typeof sessionStorage === "undefined"
    ? { getItem: () => null, setItem: () => undefined, removeItem: () => undefined }
    : sessionStorage,
);
