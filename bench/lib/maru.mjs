// A call between two Maru clients by way of a signal server, all on this machine.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, firstLine, memoryMb, start, stop, stopAll } from './processes.mjs';
import { checkFrames, matchFrames, meanOfStats, Report } from './report.mjs';
import { inTemporaryFolder } from './setup.mjs';
import { latency, pace } from './statistics.mjs';
import { decodeWav, findGaps } from './wav.mjs';
import { frameNumbers } from './y4m.mjs';

/** Holds the call and returns the statistics of the side that joins second. `windows`: with windows, under Xvfb. */
export function measureMaru(call) {
  return inTemporaryFolder(folder => holdCall(call, folder));
}

async function holdCall({ programs, clip, sound, seconds, warmUp, windows, saveFrames }, folder) {
  const running = [];
  try {
    const display = windows ? await startDisplay(running) : null;
    const { server, address } = await startServer(running, programs);
    const more = saveFrames ? ['--save-remote', 'HOME'] : [];
    const client = name => startClient(running, { name, folder, programs, address, clip, sound, display, more });

    const first = client('first');
    await first.report.wait('joined', first.isAlive);
    const second = client('second');
    const firstFrame = await second.report.wait('first-frame', second.isAlive);
    await first.report.wait('first-frame', first.isAlive);
    await sleep(warmUp * 1e3);

    const clients = [first.process.pid, second.process.pid];
    const cpu = () => ({ clients: cpuSeconds(clients), server: cpuSeconds([server.pid]) });
    const before = cpu(), from = Date.now();
    await sleep(seconds * 1e3);
    const after = cpu(), to = Date.now(), span = (to - from) / 1e3;
    const memory = memoryMb(clients), serverMemory = memoryMb([server.pid]);
    for (const { process } of [first, second]) await stop(process);

    const events = second.report.events();
    const within = e => e.t_ms >= from && e.t_ms < to;
    const presented = events.filter(e => e.event === 'presented');
    const frames = matchFrames(first.report.events().filter(e => e.event === 'captured'), presented);
    const played = findGaps(decodeWav(fs.readFileSync(second.wav)));
    return {
      startToJoinedMs: second.report.find('joined').t_ms - second.startedMs,
      joinMs: firstFrame.t_ms - second.report.find('started').t_ms,
      ...pace(presented.map(e => e.t_ms), from, to),
      height: presented.findLast(within)?.height,
      kbps: meanOfStats(events, from, to, 'received_bitrate_bps') / 1e3,
      latencyMs: latency(frames.filter(f => f.presentedMs >= from && f.presentedMs < to)
        .map(f => f.presentedMs - f.capturedMs)),
      concealedShare: meanOfStats(events, from, to, 'concealed'),
      sound: played,
      cpuCores: (after.clients - before.clients) / span,
      serverCpuCores: (after.server - before.server) / span,
      memoryMb: memory,
      serverMemoryMb: serverMemory,
      ...saveFrames && { frames: checkFrames(savedFiles(second.home, 'first').flatMap(file => [...frameNumbers(file)]), events, frames) },
    };
  } finally {
    await stopAll(running);
  }
}

/** Starts a signal server on a free port: `{ server, address }`. `prefix`: of its command line, such as nsenter. */
export async function startServer(running, programs, listen = '127.0.0.1', prefix = []) {
  const [program, ...args] = [...prefix, path.join(programs, 'signal-server'), '--listen', `${listen}:0`];
  const server = start(running, program, args);
  return { server, address: /\d+\.\d+\.\d+\.\d+:\d+/.exec(await firstLine(server))[0] };
}

/**
 * Starts a client that joins at once. Without `clip` and `sound` it sends its test picture and test sound. In the
 * arguments `more`, HOME stands for the client's folder. `prefix`: of its command line, such as nsenter.
 * Returns `{ process, startedMs, report, wav, home, isAlive }`.
 */
export function startClient(running, { name, folder, programs, address, clip, sound, display, more = [], prefix = [] }) {
  const home = path.join(folder, name), file = extension => path.join(home, 'report' + extension);
  fs.mkdirSync(home);
  const source = file => file ? `file:${file}` : 'test';
  const args = ['bench', '--server', `ws://${address}`, '--name', name, '--camera', source(clip), '--microphone',
    source(sound), '--speaker', `file:${file('.wav')}`, '--report', file('.jsonl')];
  if (!display) args.push('--headless');
  const [program, ...rest] = [...prefix, path.join(programs, 'maru'), ...args, ...more.map(word => word.replace('HOME', home))];
  const startedMs = performance.timeOrigin + performance.now();
  const process = start(running, program, rest, { HOME: home, XDG_CONFIG_HOME: home, DISPLAY: display ?? '' });
  return { process, startedMs, report: new Report(file('.jsonl')), wav: file('.wav'), home, isAlive: () => process.exitCode === null };
}

/** The files of `--save-remote` with the frames of `name`, in order: the client begins a new one when the frame size changes. */
function savedFiles(folder, name) {
  const number = file => Number(/[-.](\d+)\.y4m$/.exec(file)?.[1] ?? 1);
  return fs.readdirSync(folder).filter(file => file.startsWith(name) && file.endsWith('.y4m'))
    .sort((a, b) => number(a) - number(b)).map(file => path.join(folder, file));
}

async function startDisplay(running) {
  const xvfb = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1000x24', '-nolisten', 'tcp'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  running.push(xvfb);
  const [number] = await once(xvfb.stdio[3], 'data');
  return ':' + String(number).trim();
}
