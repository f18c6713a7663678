package portal

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
)

//go:embed static
var staticFiles embed.FS

// static is a file that all pages load.
type static struct {
	body          []byte
	mediaType, of string // of is the beginning of its SHA-256
}

// The static files. The icon is the brand's, if it has one.
const (
	styleFile  = "style.css"
	scriptFile = "script.js"
	iconFile   = "icon.svg"
)

func (p *Portal) readStatics() (map[string]*static, error) {
	files := make(map[string]*static)
	for _, name := range []string{styleFile, scriptFile, iconFile} {
		body, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			return nil, err
		}
		files[name] = &static{body: body, mediaType: mime.TypeByExtension(path.Ext(name))}
	}
	if len(p.Icon) > 0 {
		files[iconFile] = &static{body: p.Icon, mediaType: p.IconType}
	}
	for _, f := range files {
		sum := sha256.Sum256(f.body)
		f.of = hex.EncodeToString(sum[:6])
	}
	return files, nil
}

// staticURL is where a file is; another content has another URL.
func (p *Portal) staticURL(name string) string {
	return prefix + "/static/" + name + "?" + p.statics[name].of
}

func (p *Portal) serveStatic(w http.ResponseWriter, r *http.Request) {
	f, ok := p.statics[r.PathValue("file")]
	if !ok {
		p.fail(p.visit(w, r), errNoPage)
		return
	}
	header := w.Header()
	header.Set("Content-Type", f.mediaType)
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // an icon may be opened as a page
	if r.URL.RawQuery == f.of {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(f.body)
}
