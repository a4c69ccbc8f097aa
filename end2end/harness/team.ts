import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";

/** An OpenID provider on this machine: whoever logs in is taken at their word, and is in the groups that are given. */
export class Team {
  private answer: RequestListener = (_, response) => void response.writeHead(503).end();
  private readonly server = createServer((request, response) => this.answer(request, response));
  private readonly secret = "of this test alone";

  private constructor(private readonly groups: Record<string, string[]>) {}

  static async start(groups: Record<string, string[]>): Promise<Team> {
    const team = new Team(groups);
    await new Promise<void>((resolve) => team.server.listen(0, "127.0.0.1", resolve));
    return team;
  }

  /** What people know it by. */
  get host() {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What a dashboard is set by whose team this is. */
  get settings(): Record<string, string> {
    return {
      HAD_OIDC_ISSUER: `http://${this.host}`,
      HAD_OIDC_CLIENT: "dashboard",
      HAD_OIDC_SECRET: this.secret,
      HAD_OIDC_PRESENTERS: "speakers",
    };
  }

  /** Takes the dashboard at `url` for a client. */
  async knows(url: string) {
    // Only here, as it has much to say when it is loaded.
    const { Provider } = await import("oidc-provider");
    const provider = new Provider(`http://${this.host}`, {
      clients: [{ client_id: "dashboard", client_secret: this.secret, redirect_uris: [`${url}/login/oidc/back`] }],
      claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
      pkce: { required: () => true },
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({
          sub: id,
          email: `${id}@example.com`,
          email_verified: true,
          groups: this.groups[id] ?? [],
        }),
      }),
    });
    this.answer = provider.callback();
  }

  /** Logs somebody in on its own pages. */
  async logIn(page: Page, name: string) {
    await page.getByPlaceholder("Enter any login").fill(name);
    await page.getByPlaceholder("and password").fill("any");
    await page.getByRole("button", { name: "Sign-in" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
