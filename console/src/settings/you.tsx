// The account that is signed in, and this browser.
import { useContext } from "react";
import { SignOut, ThemeSwitch } from "../app/account";
import { MeContext, useOutside } from "../app/context";
import { Foreign, Tags, Time } from "../ui/show";

export default function You() {
  const me = useContext(MeContext);
  const { config } = useOutside().session;
  return (
    <section className="card" aria-labelledby="you-title">
      <header>
        <h2 id="you-title">You</h2>
        <div className="buttons"><ThemeSwitch /><SignOut /></div>
      </header>
      <div className="body">
        <dl className="pairs">
          <dt>Name</dt><dd>{me ? <Foreign text={me.name} /> : "…"}</dd>
          <dt>Roles</dt><dd><Tags tags={me?.roles ?? []} /></dd>
          <dt>Permissions</dt><dd><Tags tags={me?.permissions ?? []} /></dd>
          <dt>Device groups</dt><dd>{me?.allMachines === false ? <Tags tags={me.groups} /> : "every machine"}</dd>
          <dt>Token good until</dt><dd><Time at={me?.expires} how="both" /></dd>
          <dt>Signed in through</dt><dd>{!me?.application || me.application === config.clientId ? "this console" : <code>{me.application}</code>}</dd>
          <dt>Server</dt><dd>{config.publicUrl} <span className="muted">version {config.version}, profile {config.profile}</span></dd>
          <dt>Agents connect to</dt><dd>{config.agentsUrl}</dd>
        </dl>
      </div>
    </section>
  );
}
