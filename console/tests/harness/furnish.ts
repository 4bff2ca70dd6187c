// Users and machines that tests and `npm run try` find in a world.
import type { Front } from "./front.ts";
import { standIn } from "./stand_in.ts";
import type { Person, World } from "./world.ts";

export interface Furnished {
  admin: Person;
  viewer: Person;
  machine: string;
}

export async function furnish(world: World, front: Front): Promise<Furnished> {
  front.standIn = standIn(world);
  const admin = await world.user("dana@corp.example", "admin");
  const viewer = await world.user("vic@corp.example", "viewer");
  const machine = await world.agent("web-01", { tags: ["tier:web", "site:fra"] });
  await world.agent("db-01", { tags: ["tier:db"] });
  await world.agent("old-build-07", { online: false, tags: ["tier:build"] });
  return { admin, viewer, machine };
}
