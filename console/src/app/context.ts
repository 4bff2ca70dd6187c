// What every page needs from the outside: the session and the API.
import { createContext, useContext } from "react";
import type { Api } from "../api/client";
import type { Me } from "../api/types";
import type { Session } from "../session/session";

export interface Outside {
  session: Session;
  api: Api;
}
export const OutsideContext = createContext<Outside | null>(null);

export function useOutside(): Outside {
  const outside = useContext(OutsideContext);
  if (!outside) throw new Error("no OutsideContext");
  return outside;
}

export const MeContext = createContext<Me | null>(null);

// Whether the account has one of these permissions. Where that is not known: yes, and the server says.
export function useMay(...permissions: string[]): boolean {
  const me = useContext(MeContext);
  return !me || permissions.some((permission) => me.permissions.includes(permission));
}
