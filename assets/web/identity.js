// What proves to a server that our instance is ours (protocol/README.md, "Whose instance it is").

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Made anew for each call. Browsers let a page sign over https and on localhost only; elsewhere a secret takes the key's place. */
export class Identity {
  #keys = crypto.subtle?.generateKey(ALGORITHM, false, ['sign', 'verify']);
  #secret = hex(crypto.getRandomValues(new Uint8Array(32)));

  /** The `proof` in `join`, over the connection that has this `id`. */
  async prove(id) {
    if (!this.#keys) return { secret: this.#secret };
    const { publicKey, privateKey } = await this.#keys;
    const [key, signature] = await Promise.all([
      crypto.subtle.exportKey('raw', publicKey),
      crypto.subtle.sign(ALGORITHM, privateKey, new TextEncoder().encode(`maru join v2 ${id}`)),
    ]);
    return { key: hex(key), signature: hex(signature) };
  }
}

function hex(bytes) {
  return [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, '0')).join('');
}
