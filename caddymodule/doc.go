// Package caddymodule is the adapter between Caddy and the rest of Hookgate:
// configuration structs, the Caddyfile, lifecycle, placeholders and metrics.
// Logic that would make sense without Caddy belongs elsewhere.
//
// Importing it registers the modules webhooks (an app), http.handlers.webhook,
// http.handlers.webhook_guard, http.handlers.webhook_health, http.handlers.webhook_send
// and http.handlers.webhook_portal, admin routes, and the command webhook.
package caddymodule
