// The title of the page, for tabs, history and screen readers.
import { useEffect } from "react";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Reachback`;
  }, [title]);
}
