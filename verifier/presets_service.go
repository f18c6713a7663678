package verifier

// servicePresets are mail, files, content and other services.
var servicePresets = []Scheme{}
