package portal

// SnippetsFor are the receivers of a scheme, for tests that run them.
func SnippetsFor(scheme string) ([]Snippet, error) { return snippetsFor(scheme, false) }

// Snippet is a receiver in a language.
type Snippet = snippet

// RouteInfo is a row of the table of routes.
type RouteInfo struct{ Method, Path string }

// Routes are all rows of the table.
func Routes() []RouteInfo {
	all := make([]RouteInfo, len(routes))
	for i, rt := range routes {
		all[i] = RouteInfo{rt.method, rt.path}
	}
	return all
}
