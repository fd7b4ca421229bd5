/** nginx with one worker process, as upstream or as peer; its files stay in the given folder. */

import { Program } from "./program.ts";

const TEMP_PATHS = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] as const;

/** Starts nginx with `servers` inside its http block. */
export function nginxProcess(name: string, dir: string, servers: string): Program {
  const temps = TEMP_PATHS.map((kind) => `  ${kind}_temp_path ${dir}/${name}_${kind};`).join("\n");
  const file = `${dir}/${name}.conf`;
  Deno.writeTextFileSync(
    file,
    `daemon off;
worker_processes 1;
pid ${dir}/${name}.pid;
error_log stderr crit;
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  client_max_body_size 0;
  client_body_buffer_size 64k;
${temps}
${servers}
}
`,
  );
  return new Program("nginx", "nginx", ["-e", "stderr", "-c", file]);
}

/** The servers of an nginx that does what `bootstrap` of proxy_config.ts says of plain and tls. */
export function reverseProxy(
  dir: string,
  ports: { readonly plain: number; readonly tls: number; readonly upstream: number },
): string {
  const location = `location / {
      proxy_pass http://upstream;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Request-Id $request_id;
    }`;
  return `
  upstream upstream {
    server 127.0.0.1:${ports.upstream};
    keepalive 512;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${ports.plain};
    ${location}
  }
  server {
    listen 127.0.0.1:${ports.tls} ssl http2;
    ssl_certificate ${dir}/cert.pem;
    ssl_certificate_key ${dir}/key.pem;
    ${location}
  }`;
}
