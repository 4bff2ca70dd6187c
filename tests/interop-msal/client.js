// What the tests of MSAL's clients share.

// MSAL's network by our server's own CA; keeps what was sent.
export function network(server, sent = []) {
  const call = async (method, url, options = {}) => {
    const answer = await server.send(method, url, options.headers, options.body);
    sent.push({ method, path: new URL(url).pathname, body: options.body });
    return { status: answer.status, headers: answer.headers, body: JSON.parse(answer.text) };
  };
  return {
    sendGetRequestAsync: (url, options) => call('GET', url, options),
    sendPostRequestAsync: (url, options) => call('POST', url, options),
  };
}

export const authorityOf = (server) => ({
  authority: `${server.url}/${server.init.tenantId}`,
  knownAuthorities: [new URL(server.url).host],
});

export const part = (jwt, i) => JSON.parse(Buffer.from(jwt.split('.')[i], 'base64url'));
