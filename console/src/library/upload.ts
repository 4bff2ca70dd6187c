// Puts a file into the library.
import type { Api } from "../api/client";
import type { LibraryFile } from "../api/types";

export const FILE_BYTES_MAX = 20 * 1024 * 1024;

export interface Upload {
  file: File;
  name?: string;
  description?: string;
  parametersDescription?: string;
  override?: boolean;
}

export function upload(api: Api, what: Upload): Promise<LibraryFile> {
  const form = new FormData();
  form.set("Description", what.description ?? "");
  form.set("HasParameters", what.parametersDescription ? "true" : "false");
  if (what.parametersDescription) form.set("ParametersDescription", what.parametersDescription);
  form.set("OverrideIfExists", what.override ? "true" : "false");
  form.set("file", what.file, what.name ?? what.file.name);
  return api.send<LibraryFile>("POST", "/api/libraryfiles", { form });
}

export function tooLarge(file: File): string | undefined {
  return file.size > FILE_BYTES_MAX ? `${file.name} is larger than 20 MiB, the most that the library takes.` : undefined;
}
