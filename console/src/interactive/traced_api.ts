// The API, telling what it is asked: for `trace`.
import { Api, ApiError } from "../api/client";

export class TracedApi extends Api {
  asked: (method: string, path: string, status: string) => void = () => undefined;

  override async call(...args: Parameters<Api["call"]>): Promise<Response> {
    const [method, path] = args;
    try {
      const answer = await super.call(...args);
      this.asked(method, path, String(answer.status));
      return answer;
    } catch (error) {
      this.asked(method, path, error instanceof ApiError ? `${error.status} ${error.code}` : "no answer");
      throw error;
    }
  }
}
