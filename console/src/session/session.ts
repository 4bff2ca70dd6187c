// Who is signed in: tokens of the built-in issuer by authorization code and PKCE, renewed by refresh
// token. Tokens are kept by the tab (sessionStorage), never longer. A refresh token counts once, and
// one that comes again ends everything, so tabs renew one after the other and tell each other.
import { ErrorResponse, User, UserManager, WebStorageStateStore } from "oidc-client-ts";
import type { Config } from "./config";

export type SessionState = "signed-out" | "signed-in" | "ended";

const RENEW_BEFORE_S = 60;
const PEERS_WAIT_MS = 200;
const PASSING = ["temporarily_unavailable", "server_error", "slow_down"];

type Message = { kind: "ask" } | { kind: "user"; user: string } | { kind: "signed-out" };

export class Session {
  private readonly manager: UserManager;
  private readonly channel = new BroadcastChannel("reachback.session");
  private readonly listeners = new Set<() => void>();
  private user: User | null = null;
  state: SessionState = "signed-out";

  readonly config: Config;

  constructor(config: Config) {
    this.config = config;
    this.manager = new UserManager({
      authority: config.authority,
      client_id: config.clientId,
      redirect_uri: `${location.origin}/console/signed-in`,
      scope: `openid offline_access ${config.resource}/.default`,
      userStore: new WebStorageStateStore({ store: sessionStorage }),
      stateStore: new WebStorageStateStore({ store: sessionStorage }),
      automaticSilentRenew: false,
      loadUserInfo: false,
      monitorSession: false,
    });
    this.channel.onmessage = (message: MessageEvent<Message>) => void this.hear(message.data);
  }

  // Finds the tab's own session, or another tab's.
  async begin(): Promise<void> {
    const user = (await this.manager.getUser()) ?? (await this.askPeers());
    if (user) this.take(user);
  }

  // The page at redirect_uri: gives the path to go on with.
  async complete(): Promise<string> {
    const user = await this.manager.signinRedirectCallback();
    this.take(user);
    this.tell(user);
    const path = (user.state as { path?: unknown } | null)?.path;
    return typeof path === "string" && path.startsWith("/") && !path.startsWith("//") ? path : "/";
  }

  signIn(path: string): Promise<void> {
    return this.manager.signinRedirect({ state: { path } });
  }

  async signOut(): Promise<void> {
    try {
      await this.manager.revokeTokens(["refresh_token"]);
    } catch {
      // The server ends the grant by itself when it is not used; this tab forgets it now.
    }
    await this.manager.removeUser();
    this.channel.postMessage({ kind: "signed-out" } satisfies Message);
    this.user = null;
    this.change("signed-out");
  }

  // A token that is good for some time more. Null: the session has ended.
  async token(): Promise<string | null> {
    if (this.user && (this.user.expires_in ?? 0) < RENEW_BEFORE_S) await this.renew();
    return this.state === "signed-in" ? (this.user?.access_token ?? null) : null;
  }

  // After a 401: `used` is the token that was refused. Whether there is a better one now.
  async renew(used = this.user?.access_token): Promise<boolean> {
    if (!this.user || this.state === "ended") return false;
    await navigator.locks.request("reachback.renew", async () => {
      if (this.user?.access_token !== used) return;
      const peer = await this.askPeers();
      if (peer && peer.access_token !== used && (peer.expires_at ?? 0) > (this.user?.expires_at ?? 0)) {
        this.take(peer);
        return;
      }
      try {
        // Without a refresh token the library would try a hidden frame, which the policy refuses.
        const user = this.user?.refresh_token ? await this.manager.signinSilent() : null;
        if (user) {
          this.take(user);
          this.tell(user);
        } else {
          this.end();
        }
      } catch (error) {
        // A server that is out of reach, or has a problem, ends nothing: the next call tries again.
        if (error instanceof ErrorResponse && !PASSING.includes(error.error ?? "")) this.end();
      }
    });
    return this.state === "signed-in" && this.user.access_token !== used;
  }

  // What the tab has is refused: only signing in again helps.
  end(): void {
    this.change("ended");
  }

  // Of the id or access token, where the server does not tell who calls.
  claims(): Record<string, unknown> {
    try {
      const part = this.user?.access_token.split(".")[1] ?? "";
      const bytes = Uint8Array.from(
        atob(part.replaceAll("-", "+").replaceAll("_", "/")),
        (c) => c.codePointAt(0) ?? 0,
      );
      return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    } catch {
      return {};
    }
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  snapshot = (): SessionState => this.state;

  private take(user: User): void {
    this.user = user;
    void this.manager.storeUser(user);
    this.change("signed-in");
  }
  private change(state: SessionState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
  private tell(user: User): void {
    this.channel.postMessage({ kind: "user", user: user.toStorageString() } satisfies Message);
  }
  private peers = new Set<(user: User) => void>();
  private hear(message: Message): void {
    if (message.kind === "ask") {
      if (this.user && this.state === "signed-in") this.tell(this.user);
    } else if (message.kind === "user") {
      const user = User.fromStorageString(message.user);
      for (const peer of this.peers) peer(user);
      // Another person's session in another tab is none of ours.
      const same = !this.user || user.profile.sub === this.user.profile.sub;
      if (same && this.state !== "signed-out" && !user.expired) this.take(user);
    } else {
      this.user = null;
      void this.manager.removeUser();
      this.change("signed-out");
    }
  }
  private askPeers(): Promise<User | null> {
    return new Promise((resolve) => {
      const done = (user: User | null) => {
        clearTimeout(timer);
        this.peers.delete(done);
        resolve(user);
      };
      const timer = setTimeout(() => done(null), PEERS_WAIT_MS);
      this.peers.add(done);
      this.channel.postMessage({ kind: "ask" } satisfies Message);
    });
  }
}
