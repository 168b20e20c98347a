package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// dist is what package build makes of ui/. Without it there is only the README, and New serves a placeholder.
//
//go:embed dist
var dist embed.FS

const placeholder = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Dunlin</title></head>
<body><h1>Dunlin</h1>
<p>This binary was built without its page. Build it with <code>make</code> (it needs Node and npm), then start
again.</p>
<p>Everything else is there: <a href="/api/v1/flock">the flock</a>, <a href="/api/v1/hosts">hosts</a>,
<a href="/metrics">metrics</a>.</p></body></html>
`

type asset struct {
	body  []byte
	ctype string
	etag  string
}

func newAsset(name string, body []byte) asset {
	sum := sha256.Sum256(body)
	ctype := mime.TypeByExtension(path.Ext(name))
	if strings.HasSuffix(name, ".js") { // not left to the machine's table of types
		ctype = "text/javascript; charset=utf-8"
	}
	return asset{body, ctype, `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// loadAssets reads the embedded files into memory: a request names one of a fixed set, never a file.
func loadAssets() map[string]asset {
	assets := map[string]asset{"index.html": newAsset("index.html", []byte(placeholder))}
	entries, err := fs.ReadDir(dist, "dist")
	if err != nil {
		panic("BUG: the embedded dist directory is missing: " + err.Error())
	}
	for _, e := range entries {
		if e.IsDir() || e.Name() == "README" {
			continue
		}
		body, err := dist.ReadFile("dist/" + e.Name())
		if err != nil {
			panic("BUG: an embedded file can not be read: " + err.Error())
		}
		assets[e.Name()] = newAsset(e.Name(), body)
	}
	return assets
}

// Built says whether the page is in the binary.
func (s *Server) Built() bool { return len(s.assets) > 1 }

func (s *Server) servePage(w http.ResponseWriter, r *http.Request) { s.send(w, r, "index.html") }

func (s *Server) serveAsset(w http.ResponseWriter, r *http.Request) {
	s.send(w, r, r.PathValue("name"))
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, name string) {
	a, ok := s.assets[name]
	if !ok {
		plain(w, http.StatusNotFound, "no such page\n")
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache") // ask every time: a new binary has a new page
	h.Set("ETag", a.etag)
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.ctype)
	_, _ = w.Write(a.body)
}
