-- A scan as a moving picture for the web page: its axial slices in the lung window.
CREATE TABLE dbo.animations (
    scan_id INT NOT NULL,                  -- scan that it shows
    format NVARCHAR(8) NOT NULL,           -- gif or webp
    animation VARBINARY(MAX) NOT NULL,     -- bytes of the file
    sha256 VARBINARY(32) NOT NULL,         -- SHA-256 of the bytes of animation
    content_sha256 VARBINARY(32) NOT NULL, -- that of the scan it was made of, as dbo.scans had it; out of date where it differs there
    made_at DATETIME2(3) NOT NULL CONSTRAINT DF_animations_made_at DEFAULT SYSUTCDATETIME(), -- when it was made, UTC
    CONSTRAINT PK_animations PRIMARY KEY (scan_id, format),
    CONSTRAINT FK_animations_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE,
    CONSTRAINT CK_animations_format CHECK (format IN (N'gif', N'webp'))
);
