// The codes of an authenticator app: RFC 6238 with SHA-1, six digits, thirty seconds.
import { createHmac } from "node:crypto";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_MS = 30_000;

export const stepNow = (): number => Math.floor(Date.now() / STEP_MS);

/** `secret` is in base32, as it is typed into an app: spaces do not matter. */
export function codeAt(secret: string, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac("sha1", fromBase32(secret)).update(counter).digest();
  const word = digest.readUInt32BE((digest.at(-1) ?? 0) & 0x0f) & 0x7fff_ffff;
  return String(word % 1_000_000).padStart(6, "0");
}

function fromBase32(text: string): Buffer {
  const bits = [...text.replace(/\s/g, "")].map((letter) => {
    const value = LETTERS.indexOf(letter);
    if (value < 0) throw new Error(`"${letter}" is no letter of base32`);
    return value.toString(2).padStart(5, "0");
  });
  const bytes = bits.join("").match(/[01]{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => parseInt(byte, 2)));
}
