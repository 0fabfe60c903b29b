// A mail server that keeps what it gets.
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import type { Variables } from "./server.ts";

export interface Letter {
  to: string;
  subject: string;
  /** The address on a line of its own. */
  link: string;
}

export class Mailbox {
  private readonly letters: Letter[] = [];
  private readonly watchers: (() => void)[] = [];

  private constructor(private readonly server: Server) {
    server.on("connection", (socket) => this.talk(socket));
  }

  static async start(): Promise<Mailbox> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Mailbox(server);
  }

  get settings(): Variables {
    const { port } = this.server.address() as AddressInfo;
    return {
      LATCHKEY_SMTP_URL: `smtp://127.0.0.1:${port}`,
      LATCHKEY_MAIL_FROM: "Latchkey <keys@tidewater.example>",
    };
  }

  /** The next one to this address; it is taken out. */
  async letter(to: string): Promise<Letter> {
    return new Promise((resolve) => {
      const look = () => {
        const place = this.letters.findIndex((letter) => letter.to === to);
        const [found] = place < 0 ? [] : this.letters.splice(place, 1);
        if (found) resolve(found);
      };
      this.watchers.push(look);
      look();
    });
  }

  stop(): void {
    this.server.close();
  }

  private talk(socket: Socket): void {
    let [rest, to, data] = ["", "", null as string[] | null];
    const say = (line: string) => void socket.write(`${line}\r\n`);
    socket.on("error", () => undefined);
    socket.setEncoding("latin1").on("data", (part) => {
      const lines = (rest + String(part)).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (data && line !== ".") {
          data.push(line);
        } else if (data) {
          this.keep(to, data.join("\r\n"));
          data = null;
          say("250 taken");
        } else if (line === "DATA") {
          data = [];
          say("354 go on");
        } else {
          to = /^RCPT TO:<(.+)>/.exec(line)?.[1] ?? to;
          say(line === "QUIT" ? "221 bye" : "250 ok");
        }
      }
    });
    say("220 mailbox");
  }

  private keep(to: string, text: string): void {
    const plain = text.replaceAll("=\r\n", "").replaceAll("=3D", "=");
    const subject = /^Subject: (.+)$/m.exec(plain)?.[1]?.trim() ?? "";
    const link = /^(http\S+)\r$/m.exec(plain)?.[1] ?? "";
    this.letters.push({ to, subject, link });
    for (const watcher of this.watchers) watcher();
  }
}
