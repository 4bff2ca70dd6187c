// The frame and the pages; each page is loaded when it is gone to.
import { type ComponentType, lazy, Suspense, useEffect, useRef } from "react";
import { Link, NavLink, Navigate, Route, Routes, useLocation } from "react-router";
import type { Me } from "../api/types";
import { ActionsIcon, ActivityIcon, LibraryIcon, MachinesIcon, SettingsIcon } from "../ui/icons";
import { Empty, Loading, Notice } from "../ui/states";
import { useTitle } from "../ui/title";
import { Account } from "./account";
import { Boundary } from "./boundary";
import { MeContext, useOutside } from "./context";
import { useSignIn } from "./gate";
import { useLoad } from "./load";

type Module = { default: ComponentType };
const page = (load: () => Promise<Module>) => lazy(load);
const Machines = page(() => import("../pages/machines"));
const Machine = page(() => import("../pages/machine"));
const Session = page(() => import("../pages/session"));
const Actions = page(() => import("../pages/actions"));
const Action = page(() => import("../pages/action"));
const Library = page(() => import("../pages/library"));
const Activity = page(() => import("../pages/activity"));
const Settings = page(() => import("../pages/settings"));

const PLACES = [
  { to: "/machines", name: "Machines", icon: MachinesIcon },
  { to: "/actions", name: "Actions", icon: ActionsIcon },
  { to: "/library", name: "Library", icon: LibraryIcon },
  { to: "/activity", name: "Activity", icon: ActivityIcon },
  { to: "/settings", name: "Settings", icon: SettingsIcon },
];

export function Pages({ ended }: { ended: boolean }) {
  const me = useMe();
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  // A new page is read from its beginning, by the keyboard too.
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [pathname]);

  return (
    <MeContext value={me}>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <div className="phone-top">
        <Brand />
        <Link to="/settings/you" className="small">
          {me?.name ?? "You"}
        </Link>
      </div>
      <div className="shell">
        <div className="side">
          <Brand />
          <nav aria-label="Main">
            <ul className="nav">
              {PLACES.map((place) => (
                <li key={place.to}>
                  <NavLink to={place.to}>
                    <place.icon />
                    {place.name}
                  </NavLink>
                </li>
              ))}
            </ul>
          </nav>
          <Account me={me} />
        </div>
        <main className="main" id="main" tabIndex={-1} ref={main}>
          <div className="page">
            {ended && <Ended />}
            <Boundary key={pathname}>
              <Suspense fallback={<Loading what="the page" />}>
                <Routes>
                  <Route index element={<Navigate to="/machines" replace />} />
                  <Route path="machines" element={<Machines />} />
                  <Route path="machines/:id" element={<Machine />} />
                  <Route path="machines/:id/session" element={<Session />} />
                  <Route path="actions" element={<Actions />} />
                  <Route path="actions/:id" element={<Action />} />
                  <Route path="library" element={<Library />} />
                  <Route path="activity" element={<Activity />} />
                  <Route path="settings/:part?" element={<Settings />} />
                  <Route path="*" element={<Nowhere />} />
                </Routes>
              </Suspense>
            </Boundary>
          </div>
        </main>
      </div>
    </MeContext>
  );
}

function Brand() {
  return (
    <Link to="/machines" className="brand">
      <img src="/console/icon.svg" alt="" />
      Reachback
    </Link>
  );
}

function Ended() {
  const signIn = useSignIn();
  return (
    <div className="ended">
      <Notice
        kind="warn"
        title="Your session has ended."
        detail={signIn.error ?? "What you typed is kept; you come back to this page."}
      >
        <button type="button" className="button primary" onClick={signIn.go} disabled={signIn.busy}>
          Sign in again
        </button>
      </Notice>
    </div>
  );
}

function Nowhere() {
  useTitle("No such page");
  return (
    <Empty title="There is no such page">
      <p>
        Go to <Link to="/machines">the machines</Link> or <Link to="/actions">the actions</Link>.
      </p>
    </Empty>
  );
}

// Who calls, as the server says; from the token where it does not say.
function useMe(): Me | null {
  const { session } = useOutside();
  const answer = useLoad("me", (api, signal) => api.get<Me>("/api/reachback/me", signal));
  if (answer.data) return answer.data;
  if (answer.error === undefined) return null;
  const claims = session.claims();
  const text = (name: string) => (typeof claims[name] === "string" ? (claims[name] as string) : "");
  return {
    name: text("preferred_username") || text("upn") || text("sub"),
    application: text("app_displayname"),
    roles: [],
    permissions: text("scp").split(" ").filter(Boolean),
    liveResponseAdvanced: true, // not known: the server says
    groups: [],
    allMachines: true,
    expires: "",
  };
}
