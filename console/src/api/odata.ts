// Filters and query options of the API's lists. Pure. Text of people goes in as a literal only.

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function and(...terms: (string | null | undefined | false)[]): string {
  const kept = terms.filter((term): term is string => Boolean(term));
  return kept.length < 2 ? (kept[0] ?? "") : kept.map((term) => `(${term})`).join(" and ");
}
export function or(...terms: string[]): string {
  return terms.join(" or ");
}
export function oneOf(property: string, values: readonly string[]): string {
  if (values.length === 0) return "";
  if (values.length === 1) return `${property} eq ${literal(values[0] as string)}`;
  return `${property} in (${values.map(literal).join(",")})`;
}

export interface MachineSearch {
  words: string;
  tag: string;
  health: string;
}

// Every word has to be found in the name, an address or a tag; 40 hex digits are an id.
export function machineFilter(search: MachineSearch): string {
  const words = search.words.split(/\s+/u).filter(Boolean).slice(0, 6);
  return and(
    ...words.map((word) =>
      /^[0-9a-f]{40}$/iu.test(word)
        ? `id eq ${literal(word.toLowerCase())}`
        : or(
            `contains(computerDnsName,${literal(word)})`,
            `startswith(lastIpAddress,${literal(word)})`,
            `startswith(lastExternalIpAddress,${literal(word)})`,
            `machineTags/any(t: contains(t,${literal(word)}))`,
          ),
    ),
    search.tag && `machineTags/any(t: t eq ${literal(search.tag)})`,
    search.health && `healthStatus eq ${literal(search.health)}`,
  );
}

export interface ActionSearch {
  statuses: readonly string[];
  machine: string; // an id, or a part of a name
  who: string;
  since: string; // ISO 8601, or empty
  until: string;
  words: string; // in the comment
}

export function actionFilter(search: ActionSearch): string {
  const machine = search.machine.trim();
  return and(
    oneOf("status", search.statuses),
    machine &&
      (/^[0-9a-f]{40}$/iu.test(machine)
        ? `machineId eq ${literal(machine.toLowerCase())}`
        : `startswith(computerDnsName,${literal(machine)})`),
    search.who.trim() && `contains(requestor,${literal(search.who.trim())})`,
    search.since && `creationDateTimeUtc ge ${search.since}`,
    search.until && `creationDateTimeUtc le ${search.until}`,
    search.words.trim() && `contains(requestorComment,${literal(search.words.trim())})`,
  );
}

export interface ListOptions {
  filter?: string;
  top?: number;
  skip?: number;
  count?: boolean;
  orderby?: string;
}
export function listQuery(options: ListOptions): string {
  const query = new URLSearchParams();
  if (options.filter) query.set("$filter", options.filter);
  if (options.orderby) query.set("$orderby", options.orderby);
  if (options.top !== undefined) query.set("$top", String(options.top));
  if (options.skip) query.set("$skip", String(options.skip));
  if (options.count) query.set("$count", "true");
  const text = query.toString();
  return text && `?${text}`;
}
