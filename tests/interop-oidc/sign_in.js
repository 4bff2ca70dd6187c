// A browser's part of the authorization code flow with PKCE: follows redirects, keeps cookies, fills in two forms.
import { createHash, randomBytes } from 'node:crypto';
import { AUDIENCE, CLIENT, REDIRECT, SERVICE } from './provider.js';

class Browser {
  cookies = new Map();

  async request(url, form) {
    const answer = await fetch(url, {
      redirect: 'manual',
      method: form ? 'POST' : 'GET',
      body: form && new URLSearchParams(form),
      headers: { cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ') },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0].split('=');
      this.cookies.set(name, value);
    }
    const next = answer.headers.get('location');
    return { status: answer.status, body: await answer.text(), next: next && new URL(next, url).href };
  }
}

// The access token of `user` for our API with these scopes. resource: the audience asked for.
export async function signIn(issuer, user, scopes, resource = AUDIENCE) {
  const verifier = randomBytes(32).toString('base64url');
  const browser = new Browser();
  let url = `${issuer}/auth?` + new URLSearchParams({
    client_id: CLIENT,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: ['openid', ...scopes].join(' '),
    resource,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  for (let steps = 0; !url.startsWith(REDIRECT); ++steps) {
    if (steps > 15) {
      throw new Error('the sign-in goes in circles');
    }
    let answer = await browser.request(url);
    if (!answer.next) {
      const prompt = /name="prompt" value="(\w+)"/.exec(answer.body)?.[1];
      const form = prompt === 'login' ? { prompt, login: user, password: 'any' } : { prompt };
      answer = await browser.request(url, form);
    }
    if (!answer.next) {
      throw new Error(`the sign-in ended with ${answer.status}: ${answer.body}`);
    }
    url = answer.next;
  }
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: CLIENT,
      redirect_uri: REDIRECT,
      code: new URL(url).searchParams.get('code'),
      code_verifier: verifier,
      resource,
    }),
  });
  const tokens = await answer.json();
  if (!tokens.access_token) {
    throw new Error(`no token: ${JSON.stringify(tokens)}`);
  }
  return tokens.access_token;
}

// The access token of the application SERVICE for itself.
export async function signInService(issuer, scopes = [], resource = AUDIENCE) {
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: SERVICE.id,
      client_secret: SERVICE.secret,
      resource,
      ...(scopes.length ? { scope: scopes.join(' ') } : {}),
    }),
  });
  const tokens = await answer.json();
  if (!tokens.access_token) {
    throw new Error(`no token: ${JSON.stringify(tokens)}`);
  }
  return tokens.access_token;
}
