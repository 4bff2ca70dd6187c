// Who is signed in sees the pages; who is not, the way in. A session that ended leaves the page as it
// is, and offers to sign in again.
import { useEffect, useState, useSyncExternalStore } from "react";
import { useLocation, useNavigate } from "react-router";
import { Button } from "../ui/button";
import { Notice } from "../ui/states";
import { useTitle } from "../ui/title";
import { useOutside } from "./context";
import { Pages } from "./pages";

export function Gate() {
  const { session } = useOutside();
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  const { pathname } = useLocation();
  if (pathname === "/signed-in") return <SignedIn />;
  return state === "signed-out" ? <SignIn /> : <Pages ended={state === "ended"} />;
}

export function useSignIn() {
  const { session } = useOutside();
  const { pathname, search } = useLocation();
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const go = () => {
    setBusy(true);
    setError(null);
    session.signIn(pathname + search).catch((caught: unknown) => {
      setBusy(false);
      setError(caught instanceof Error ? caught.message : String(caught));
    });
  };
  return { go, error, busy };
}

function SignIn() {
  useTitle("Sign in");
  const { session } = useOutside();
  const signIn = useSignIn();
  return (
    <main className="alone" id="main">
      <div className="card sign-in">
        <div className="body stack">
          <div className="brand">
            <img src="/console/icon.svg" alt="" />
            Reachback
          </div>
          <h1>Live response for your machines</h1>
          <p className="muted">
            Run scripts on enrolled machines, read their output as it comes, fetch files. Every step is signed and audited.
          </p>
          {signIn.error && (
            <Notice kind="bad" title="Signing in did not work." detail={`${signIn.error}. Check the connection and try again.`} />
          )}
          <Button kind="primary" onPress={signIn.go} isDisabled={signIn.busy} autoFocus>
            {signIn.busy ? "Going to the sign-in page …" : "Sign in"}
          </Button>
          <p className="muted small">{new URL(session.config.publicUrl).host}</p>
        </div>
      </div>
    </main>
  );
}

let completing: Promise<string> | null = null;

function SignedIn() {
  useTitle("Signing in");
  const { session } = useOutside();
  const navigate = useNavigate();
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    completing ??= session.complete();
    completing.then(
      (path) => {
        completing = null;
        void navigate(path, { replace: true });
      },
      (caught: unknown) => setError(caught instanceof Error ? caught.message : String(caught)),
    );
  }, [session, navigate]);
  return (
    <main className="alone" id="main">
      {error === null ? (
        <p className="muted">Signing in …</p>
      ) : (
        <div className="empty" role="alert">
          <h1>Signing in did not work</h1>
          <p>{error}. A sign-in counts once and for some minutes: begin again.</p>
          <Button kind="primary" onPress={() => void session.signIn("/")}>
            Sign in
          </Button>
        </div>
      )}
    </main>
  );
}
