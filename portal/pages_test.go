package portal

import "testing"

// Every page can be parsed.
func TestPages(t *testing.T) {
	p := new(Portal)
	var err error
	if p.statics, err = p.readStatics(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.readPages(); err != nil {
		t.Fatal(err)
	}
}
