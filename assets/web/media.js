// The guest's own camera and microphone.

const CONSTRAINTS = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
  video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
};

/** Whether the browser lets this page use camera and microphone at all: on localhost and over https. */
export const isAllowed = () => Boolean(navigator.mediaDevices?.getUserMedia);

/**
 * Emits `change` `{kind}` when the track to send changes, `devices` when the lists change, and `problem`
 * `{kind, reason}`, with the reason `denied`, `missing`, `busy`, `unplugged`, or `kept` (the chosen device cannot be used, another one is).
 */
export class Media extends EventTarget {
  on = { audio: true, video: true };
  devices = [];
  #tracks = { audio: null, video: null };
  #wanted = { audio: '', video: '' };
  #attempts = { audio: 0, video: 0 };

  /** Asks the person once for both. If one is refused or missing, the other is used alone. */
  async start() {
    if (!isAllowed()) return;
    navigator.mediaDevices.addEventListener('devicechange', () => this.#devicesChanged());
    const both = await capture(CONSTRAINTS).catch(() => null);
    for (const kind of ['audio', 'video']) {
      const track = both?.getTracks().find(track => track.kind === kind);
      if (track) this.#take(kind, track);
      else await this.#open(kind);
    }
    await this.#list();
  }

  /** The track to send now; `null` while the device is off or missing. */
  track(kind) {
    return this.on[kind] ? this.#tracks[kind] : null;
  }

  /** The id of the device in use, or ''. */
  deviceId(kind) {
    return this.#tracks[kind]?.getSettings().deviceId ?? '';
  }

  async choose(kind, deviceId) {
    this.#wanted[kind] = deviceId;
    if (this.on[kind]) await this.#open(kind, 'exact');
    else this.#take(kind, null);
  }

  /**
   * A camera that is off is closed, so its light goes out. A microphone stays open, but its track is not sent. One that
   * was refused or lost is asked for again.
   */
  async setOn(kind, on) {
    this.on[kind] = on;
    if (kind === 'video' && !on) return this.#take(kind, null);
    this.#emit('change', { kind });
    if (!on || this.#tracks[kind]) return;
    await this.#open(kind);
    // It stays off when its device comes back: who pressed the button and saw it fail does not expect to be heard later.
    if (!this.#tracks[kind]) this.on[kind] = false;
  }

  /** `strength`: `exact` for a device that the person has just chosen. Later another one is better than none. */
  #constraints(kind, strength) {
    const id = this.#wanted[kind];
    return { ...CONSTRAINTS[kind], ...(id && { deviceId: { [strength]: id } }) };
  }

  async #open(kind, strength = 'ideal') {
    if (!isAllowed()) return;
    const attempt = ++this.#attempts[kind];
    try {
      const stream = await capture({ [kind]: this.#constraints(kind, strength) });
      const [track] = stream.getTracks();
      // While the browser asked, the person turned it off or chose another one.
      if (attempt !== this.#attempts[kind] || !this.on[kind]) track.stop();
      else this.#take(kind, track);
    } catch (error) {
      if (attempt !== this.#attempts[kind]) return;
      if (this.#tracks[kind]) {
        this.#wanted[kind] = this.deviceId(kind);
        this.#emit('devices');
        return this.#emit('problem', { kind, reason: 'kept' });
      }
      const reason = { NotAllowedError: 'denied', SecurityError: 'denied', NotReadableError: 'busy' }[error.name];
      this.#emit('problem', { kind, reason: reason ?? 'missing' });
    }
  }

  #take(kind, track) {
    const old = this.#tracks[kind];
    this.#tracks[kind] = track;
    if (old) {
      old.onended = null;
      old.stop();
    }
    if (track) {
      track.onended = () => {
        this.#take(kind, null);
        this.#emit('problem', { kind, reason: 'unplugged' });
      };
    }
    this.#emit('change', { kind });
  }

  async #devicesChanged() {
    await this.#list();
    for (const kind of ['audio', 'video']) {
      const present = this.devices.some(device => device.kind === `${kind}input`);
      if (present && this.on[kind] && !this.#tracks[kind]) await this.#open(kind);
    }
  }

  async #list() {
    this.devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.#emit('devices');
  }

  #emit(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const capture = constraints => navigator.mediaDevices.getUserMedia(constraints);
