-- A scan as a moving picture for the web page: its axial slices in the lung window. content_sha256 is that of the scan it was
-- made of, sha256 is over the bytes of the file.
CREATE TABLE dbo.animations (
    scan_id INT NOT NULL,
    format NVARCHAR(8) NOT NULL,
    animation VARBINARY(MAX) NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    content_sha256 VARBINARY(32) NOT NULL,
    made_at DATETIME2(3) NOT NULL CONSTRAINT DF_animations_made_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_animations PRIMARY KEY (scan_id, format),
    CONSTRAINT FK_animations_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE,
    CONSTRAINT CK_animations_format CHECK (format IN (N'gif', N'webp'))
);
