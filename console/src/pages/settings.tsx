// What an administrator sets; and what everybody may know of their own account.
import { type ComponentType, lazy, Suspense } from "react";
import { Navigate, NavLink, useParams } from "react-router";
import { Loading } from "../ui/states";
import { useTitle } from "../ui/title";

const PARTS: Record<string, { name: string; page: ComponentType }> = {
  enrolment: { name: "Enrolment", page: lazy(() => import("../settings/enrolment")) },
  users: { name: "Users", page: lazy(() => import("../settings/users")) },
  groups: { name: "Device groups", page: lazy(() => import("../settings/groups")) },
  applications: { name: "Applications", page: lazy(() => import("../settings/applications")) },
  webhooks: { name: "Webhooks", page: lazy(() => import("../settings/webhooks")) },
  you: { name: "You", page: lazy(() => import("../settings/you")) },
};

export default function Settings() {
  const { part = "" } = useParams();
  const shown = PARTS[part];
  useTitle(shown ? `Settings: ${shown.name}` : "Settings");
  if (!shown) return <Navigate to="/settings/enrolment" replace />;
  return (
    <>
      <h1>Settings</h1>
      <nav className="tabs" aria-label="Settings">
        {Object.entries(PARTS).map(([id, one]) => (
          <NavLink key={id} className="tab" to={`/settings/${id}`}>{one.name}</NavLink>
        ))}
      </nav>
      <Suspense fallback={<Loading what="the settings" />}>
        <shown.page />
      </Suspense>
    </>
  );
}
