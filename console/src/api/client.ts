// Calls of the public API. One place adds the token, renews it, and reads what went wrong.
import type { Session } from "../session/session";

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly target: string;
  readonly retryAfterS: number;

  constructor(status: number, code: string, message: string, target: string, retryAfterS: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.target = target;
    this.retryAfterS = retryAfterS;
  }
  // Whether the address itself is not served.
  get missing(): boolean {
    return this.status === 404 || this.status === 405 || this.status === 501;
  }
}
export class SessionEnded extends Error {
  constructor() {
    super("Sign in again; what you typed is kept.");
    this.name = "SessionEnded";
  }
}
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached. Check the connection; nothing was lost.");
  }
}

export interface CallOptions {
  body?: object;
  form?: FormData;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export class Api {
  private readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await (await this.call("GET", path, { signal })).json()) as T;
  }
  async send<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const answer = await this.call(method, path, options);
    const text = await answer.text();
    return (text === "" ? null : JSON.parse(text)) as T;
  }

  // Errors: ApiError, SessionEnded, Unreachable; AbortError when `signal` says so.
  async call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
    let token = await this.session.token();
    for (let fresh = false; ; fresh = true) {
      if (token === null) throw new SessionEnded();
      const answer = await this.once(method, path, token, options);
      if (answer.ok) return answer;
      if (answer.status !== 401) throw await readError(answer);
      if (fresh) {
        this.session.end();
        throw new SessionEnded();
      }
      if (!(await this.session.renew(token))) {
        throw this.session.state === "ended" ? new SessionEnded() : new Unreachable();
      }
      token = await this.session.token();
    }
  }

  private async once(method: string, path: string, token: string, options: CallOptions) {
    const headers: Record<string, string> = { ...options.headers, Authorization: `Bearer ${token}` };
    if (options.body) headers["Content-Type"] = "application/json";
    try {
      return await fetch(path, {
        method,
        headers,
        body: options.form ?? (options.body ? JSON.stringify(options.body) : null),
        signal: options.signal ?? null,
        credentials: "omit",
        cache: "no-store",
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Unreachable();
    }
  }
}

export async function readError(answer: Response): Promise<ApiError> {
  let code = "";
  let message = "";
  let target = "";
  try {
    const body = (await answer.json()) as {
      error?: { code?: string; message?: string; target?: string };
    };
    code = body.error?.code ?? "";
    message = body.error?.message ?? "";
    target = body.error?.target ?? "";
  } catch {
    // A gateway in between: the status has to do.
  }
  return new ApiError(
    answer.status,
    code,
    message || `The server answered ${answer.status}.`,
    target,
    Number(answer.headers.get("Retry-After") ?? "0"),
  );
}

// What to tell a person, and what they can do about it.
export function explain(error: unknown): { title: string; detail: string } {
  if (error instanceof SessionEnded) return { title: "Your session has ended", detail: error.message };
  if (error instanceof Unreachable) return { title: "No connection", detail: error.message };
  if (!(error instanceof ApiError)) {
    return { title: "Something went wrong", detail: error instanceof Error ? error.message : String(error) };
  }
  const number = error.target ? ` (In the server's log: ${error.target})` : "";
  switch (error.status) {
    case 403:
      return {
        title: "Not allowed",
        detail: `${error.message}. Ask an administrator for a role that includes this.`,
      };
    case 404:
      return {
        title: "Not found",
        detail: `${error.message}. It may be gone, or outside your device groups.`,
      };
    case 429:
      return {
        title: "Too many calls",
        detail: `This account has used up its calls for now. Try again in ${error.retryAfterS || 60} s.`,
      };
    default:
      return error.status >= 500
        ? { title: "The server has a problem", detail: `${error.message}. Try again in a moment.${number}` }
        : { title: "The server refused this", detail: `${error.message}.${number}` };
  }
}

// Of a link that the API gives: path and query only, so that it is asked of this origin.
export function pathOf(link: string): string {
  const url = new URL(link, location.origin);
  return url.pathname + url.search;
}
