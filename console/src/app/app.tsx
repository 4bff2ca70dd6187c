// Begins: what the server says of itself, then the session, then the pages.
import { useEffect, useState } from "react";
import { BrowserRouter } from "react-router";
import { Api } from "../api/client";
import { readConfig } from "../session/config";
import { Session } from "../session/session";
import { Announcer } from "../ui/announce";
import { OutsideContext, type Outside } from "./context";
import { Gate } from "./gate";

export function App() {
  const [outside, setOutside] = useState<Outside | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    const begin = async () => {
      const session = new Session(await readConfig());
      await session.begin();
      setOutside({ session, api: new Api(session) });
    };
    begin().catch((caught: unknown) => setError(caught instanceof Error ? caught.message : String(caught)));
  }, []);
  if (error !== null) {
    return (
      <main className="alone">
        <div className="empty" role="alert">
          <h1>The console cannot start</h1>
          <p>{error}</p>
          <p>Check that the server runs, then reload this page.</p>
        </div>
      </main>
    );
  }
  if (!outside) return null;
  return (
    <OutsideContext value={outside}>
      <BrowserRouter basename="/console">
        <Gate />
      </BrowserRouter>
      <Announcer />
    </OutsideContext>
  );
}
