package portal

// SnippetsFor are the receivers of a scheme, for tests that run them.
func SnippetsFor(scheme string) ([]Snippet, error) { return snippetsFor(scheme, false) }

// Snippet is a receiver in a language.
type Snippet = snippet
