// HTTP without a browser: `get` for well-formed requests, `Wire` for bytes on a socket, as bad clients send them.
import { type IncomingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts).toString("utf8"),
        }),
      );
    });
    asked.on("error", reject);
    asked.end();
  });
}

/** A connection and everything that has come back on it. */
export class Wire {
  private readonly parts: Buffer[] = [];
  private size = 0;
  closed = false;
  private watchers: (() => void)[] = [];

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on("data", (part: Buffer) => {
      this.parts.push(part);
      this.size += part.length;
      this.tell();
    });
    // A reset is one of the ways in which a server may end a connection; what counts is that it ends.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
      this.tell();
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.parts);
  }

  get isAnswered(): boolean {
    return this.size > 0;
  }

  static open(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Wire(socket));
      });
    });
  }

  /** Resolves when the bytes are on their way, or cannot be sent any more. */
  send(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (this.closed || !this.socket.writable) return resolve();
      this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, () => resolve());
    });
  }

  /** The status of the first answer, once its head is there; 0 if the connection ended without one. */
  async status(): Promise<number> {
    await this.until(() => this.closed || this.received.includes("\r\n\r\n"));
    const match = /^HTTP\/1\.1 (\d{3}) /.exec(this.received.toString("latin1"));
    return match ? Number(match[1]) : 0;
  }

  /** All that came, once the server has ended the connection. Fails if it leaves it open. */
  async end(patience = 10_000): Promise<Buffer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const error = new Error(`the connection was still open after ${patience / 1000} s`);
      timer = setTimeout(() => reject(error), patience);
    });
    await Promise.race([this.until(() => this.closed), late]).finally(() => clearTimeout(timer));
    return this.received;
  }

  /** Stops and goes on taking bytes from the system. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }

  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (done()) resolve();
      };
      this.watchers.push(look);
      look();
    });
  }

  private tell(): void {
    for (const watcher of this.watchers) watcher();
  }
}
