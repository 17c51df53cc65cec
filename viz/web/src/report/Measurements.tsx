// The numbers, each once, with what is normal; pointing at a row shows where it was measured.
import type { JSX } from "preact";
import { doc, hovered, light, pin, pinned, same, type Target } from "../store";

export function Measurements(): JSX.Element | null {
  const measured = doc.value?.measurements ?? [];
  if (!measured.length) return null;
  return (
    <section aria-labelledby="title-measured" class="measured">
      <h2 id="title-measured">Measurements</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Measure</th>
            <th scope="col">Value</th>
            <th scope="col">Normal</th>
          </tr>
        </thead>
        <tbody>
          {measured.map((item, index) => {
            const own: Target = { kind: "measurement", index };
            return (
              <tr
                class={light.value.measurements.includes(item) ? "lit" : ""}
                onPointerEnter={(event) => event.pointerType === "mouse" && (hovered.value = own)}
                onPointerLeave={() => same(hovered.value, own) && (hovered.value = null)}
              >
                <th scope="row">
                  <button type="button" class="says" aria-pressed={same(pinned.value, own)} title={item.source} onClick={() => pin(own)}>
                    {item.name}
                  </button>
                </th>
                <td>
                  <span class="value">{item.text}</span> <span class="faint">{item.tolerance}</span>
                </td>
                <td>
                  {item.normal || "not stated"}
                  {item.verdict && <b class={`badge ${item.verdict === "outside" ? "abnormal" : "uncertain"}`}>{item.verdict}</b>}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
