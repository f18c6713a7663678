package caddymodule

// AdminTransport is how the command line reaches a running Caddy.
var AdminTransport = adminTransport
