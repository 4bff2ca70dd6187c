// Who is signed in, light or dark, and the way out.
import { useState } from "react";
import type { Me } from "../api/types";
import { applyTheme, readTheme, type Theme } from "../theme";
import { Button } from "../ui/button";
import { useOutside } from "./context";

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const NAMES: Record<Theme, string> = { system: "System", light: "Light", dark: "Dark" };

export function ThemeSwitch() {
  const [theme, setTheme] = useState(readTheme);
  const next = NEXT[theme];
  return (
    <Button
      small
      onPress={() => {
        applyTheme(next);
        setTheme(next);
      }}
      aria-label={`Colours: ${NAMES[theme]}. Change to: ${NAMES[next]}`}
    >
      {NAMES[theme]}
    </Button>
  );
}

export function SignOut() {
  const { session } = useOutside();
  return (
    <Button small kind="quiet" onPress={() => void session.signOut()}>
      Sign out
    </Button>
  );
}

export function Account({ me }: { me: Me | null }) {
  return (
    <div className="account">
      <div>
        <div className="who small">{me?.name ?? "…"}</div>
        {me && me.roles.length > 0 && <div className="muted small">{me.roles.join(", ")}</div>}
      </div>
      <div className="row">
        <ThemeSwitch />
        <SignOut />
      </div>
    </div>
  );
}
