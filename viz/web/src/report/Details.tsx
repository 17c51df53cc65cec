// What was assessed and how well, what was taken out, and what made the report.
import type { JSX } from "preact";
import { doc } from "../store";

export function Details(): JSX.Element {
  const { scope, removed, provenance, measurements, film } = doc.value!;
  const sources = [...new Set(measurements.map((item) => `${item.name}: ${item.source}`).filter((text) => !text.endsWith(": ")))];
  return (
    <>
      <details>
        <summary>
          <h2>Scope</h2> <span class="faint">what was assessed, and how well</span>
        </summary>
        {Object.keys(scope.assessed).length === 0 ? <p>No finding is assessed.</p> : <h3>Assessed</h3>}
        <ul class="plain">
          {Object.entries(scope.assessed).map(([label, figure]) => (
            <li>
              <b>{label}</b>
              {figure && `: ${figure}`}
            </li>
          ))}
        </ul>
        <p>Not assessed: {scope.not_assessed.join(", ") || "none of the vocabulary"}.</p>
        {scope.guarantee && <p>{scope.guarantee}.</p>}
      </details>
      {removed.length > 0 && (
        <details>
          <summary>
            <h2>Taken out</h2> <span class="faint">{removed.length}</span>
          </summary>
          <ul class="plain">
            {removed.map((item) => (
              <li>
                “{item.text}” ({item.reason})
              </li>
            ))}
          </ul>
        </details>
      )}
      <details>
        <summary>
          <h2>Made by</h2> <span class="faint">Grounded {provenance.version}</span>
        </summary>
        <p>
          Grounded {provenance.version}, preset {provenance.preset || "not named"}. Detector: {provenance.detector}. Generator:{" "}
          {provenance.generator}. Explainer: {provenance.explainer}. Composer: {provenance.composer}.
        </p>
        <ul class="plain">
          {Object.entries(provenance.weights_sha256).map(([name, digest]) => (
            <li>
              Weights {name}: <code>{digest.slice(0, 12)}</code>
            </li>
          ))}
          {film.sha256 && (
            <li>
              Film: <code>{film.sha256.slice(0, 12)}</code>
            </li>
          )}
          {sources.map((source) => (
            <li>{source}</li>
          ))}
        </ul>
      </details>
    </>
  );
}
