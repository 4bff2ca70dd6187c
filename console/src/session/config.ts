// Where the console signs in and what it talks to, as its server says.

export interface Config {
  tenantId: string;
  clientId: string;
  authority: string;
  resource: string;
  publicUrl: string;
  agentsUrl: string;
  version: string;
  profile: string;
}

export async function readConfig(): Promise<Config> {
  const answer = await fetch("/console/config.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(`The server answers /console/config.json with ${answer.status}.`);
  return (await answer.json()) as Config;
}
