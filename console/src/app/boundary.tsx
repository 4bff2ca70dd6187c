// A page that fails takes nothing else with it.
import { Component, type ReactNode } from "react";

export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    const stale = /dynamically imported module|Importing a module/u.test(error.message);
    return (
      <div className="empty" role="alert">
        <h1>{stale ? "The console was updated" : "This page failed"}</h1>
        <p>{stale ? "Reload it to go on; what you typed is kept." : error.message}</p>
        <button type="button" className="button" onClick={() => location.reload()}>
          Reload
        </button>
      </div>
    );
  }
}
