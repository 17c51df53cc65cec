// Grey PNGs of 8 or 16 bits, decoded here: a browser would cut 16 bits to 8.

export interface Grey {
  width: number;
  height: number;
  pixels: Uint16Array; // the full range of 16 bits, whatever the file had
}

/** Decode a grey PNG that is not interlaced. */
export async function decodeGrey(file: Uint8Array): Promise<Grey> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let [width, height, depth] = [0, 0, 0];
  const packed: Uint8Array[] = [];
  for (let at = 8; at + 8 <= file.length; ) {
    const size = view.getUint32(at);
    const kind = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (kind === "IHDR") {
      [width, height, depth] = [view.getUint32(at + 8), view.getUint32(at + 12), file[at + 16]];
      if (file[at + 17] !== 0 || file[at + 20] !== 0) throw new Error("the film is no plain grey PNG");
    } else if (kind === "IDAT") packed.push(file.subarray(at + 8, at + 8 + size));
    at += 12 + size;
  }
  const bytes = depth / 8;
  const rows = unfiltered(await inflated(packed), width * bytes, height, bytes);
  const pixels = new Uint16Array(width * height);
  if (bytes === 2) for (let i = 0; i < pixels.length; i++) pixels[i] = (rows[2 * i] << 8) | rows[2 * i + 1];
  else for (let i = 0; i < pixels.length; i++) pixels[i] = rows[i] * 257;
  return { width, height, pixels };
}

async function inflated(packed: Uint8Array[]): Promise<Uint8Array> {
  const stream = new Blob(packed as BlobPart[]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Undo the filters of PNG (ISO 15948, section 9). stride: bytes of a row; step: bytes of a pixel. */
function unfiltered(raw: Uint8Array, stride: number, height: number, step: number): Uint8Array {
  const out = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) {
    const filter = raw[row * (stride + 1)];
    const [from, to] = [row * (stride + 1) + 1, row * stride];
    for (let i = 0; i < stride; i++) {
      const left = i >= step ? out[to + i - step] : 0;
      const up = row ? out[to + i - stride] : 0;
      const corner = row && i >= step ? out[to + i - stride - step] : 0;
      out[to + i] = raw[from + i] + predicted(filter, left, up, corner);
    }
  }
  return out;
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  switch (filter) {
    case 0:
      return 0;
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    default: {
      const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
      return a <= b && a <= c ? left : b <= c ? up : corner;
    }
  }
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
