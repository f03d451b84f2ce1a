// The others' video, one tile each, and how the tiles fill the space.

import { texts } from './texts.js';

export class Tiles {
  #container; #template; #tiles = new Map(); #sink = '';

  constructor(container, template) {
    this.#container = container;
    this.#template = template;
    new ResizeObserver(() => this.#arrange()).observe(container);
    document.addEventListener('visibilitychange', () => this.#tellSizes());
  }

  add(peer) {
    const tile = this.#template.content.firstElementChild.cloneNode(true);
    const video = tile.querySelector('video');
    video.srcObject = peer.stream;
    // The first frame has arrived.
    video.addEventListener('resize', () => {
      this.update(peer);
      this.#tellSizes();
    });
    this.#tiles.set(peer, tile);
    this.#container.append(tile);
    this.setSpeaker(this.#sink);
    this.update(peer);
    this.#arrange();
  }

  remove(peer) {
    const tile = this.#tiles.get(peer);
    if (!tile) return;
    tile.querySelector('video').srcObject = null;
    tile.remove();
    this.#tiles.delete(peer);
    this.#arrange();
  }

  /** Shows the peer's name, microphone and connection, and its video if there is any. */
  update(peer) {
    const tile = this.#tiles.get(peer);
    if (!tile) return;
    const video = tile.querySelector('video');
    const hasPicture = peer.cameraOn && peer.isVideoShared && video.videoWidth > 0;
    tile.classList.toggle('no-picture', !hasPicture);
    const isConnecting = ['connecting', 'unreachable'].includes(peer.state) && !peer.isAway;
    tile.querySelector('.initial').textContent = isConnecting ? texts.connecting(peer.name) : peer.name;
    tile.querySelector('.name').textContent = peer.name;
    const marks = [peer.handRaised && `✋ ${texts.handRaised}`, peer.muted && texts.muted, peer.isAway ? texts.awayTile : peer.state === 'interrupted' && '…'].filter(Boolean);
    tile.querySelector('.marks').textContent = marks.length ? `(${marks.join(', ')})` : '';
    tile.setAttribute('aria-label', [peer.name, ...marks].join(', '));
    // Browsers may refuse to play audio until the person has used the page.
    video.play().catch(() => {});
  }

  /** Does nothing in browsers that let no page choose the speaker. */
  setSpeaker(deviceId) {
    this.#sink = deviceId;
    if (!deviceId) return;
    for (const tile of this.#tiles.values()) {
      tile.querySelector('video').setSinkId?.(deviceId).catch(error => console.warn('speaker:', error));
    }
  }

  clear() {
    for (const peer of [...this.#tiles.keys()]) this.remove(peer);
  }

  /** Nobody needs to send a larger picture than is shown, in pixels of the screen. */
  #tellSizes() {
    for (const [peer, tile] of this.#tiles) {
      const { clientWidth: width, clientHeight: height, videoWidth, videoHeight } = tile.querySelector('video');
      const shape = videoWidth ? videoHeight / videoWidth : 9 / 16;
      peer.showAt(document.hidden ? 0 : Math.max(1, Math.round(Math.min(height, width * shape) * devicePixelRatio)));
    }
  }

  /** Chooses the number of columns that makes 16:9 video largest. */
  #arrange() {
    const { clientWidth: width, clientHeight: height } = this.#container;
    const count = this.#tiles.size;
    let best = { columns: 1, area: 0 };
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const side = Math.min(width / columns, height / rows * 16 / 9);
      if (side > best.area) best = { columns, area: side };
    }
    this.#container.style.setProperty('grid-template-columns', `repeat(${best.columns}, minmax(0, 1fr))`);
    this.#tellSizes();
  }
}
