"""Which browser the tests drive, and how it is started."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Software drawing, so that WebGL 2 is there without a graphics card; nothing that asks the outside world.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
