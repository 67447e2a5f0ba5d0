-- Where the lungs lie in a scan: as FindLungs has found them, or as they are known to lie.
CREATE TABLE dbo.lung_masks (
    scan_id INT NOT NULL,                 -- scan that they lie in
    method NVARCHAR(128) NOT NULL,        -- threshold: found by FindLungs; a network's name: drawn by it; truth: known, of load-lungs
    threshold FLOAT NULL,                 -- Hounsfield units below which a voxel was air; NULL of other methods
    rule_version TINYINT NULL,            -- version of the rule of finding, counted up with what it gives; NULL of other methods
    network_sha256 VARBINARY(32) NULL,    -- of the network that drew them, as dbo.networks had it; NULL of other methods
    content_sha256 VARBINARY(32) NOT NULL, -- of the scan that they lie in, as dbo.scans had it
    millilitres FLOAT NOT NULL,           -- their volume
    first_slice INT NOT NULL,             -- first slice that shows them
    last_slice INT NOT NULL,              -- last slice that shows them
    first_row INT NOT NULL,               -- first row that shows them
    last_row INT NOT NULL,                -- last row that shows them
    first_col INT NOT NULL,               -- first column that shows them
    last_col INT NOT NULL,                -- last column that shows them
    mask VARBINARY(MAX) NOT NULL,         -- a bit a voxel, in C order (slices, rows, columns), the first in the highest bit of a byte,
                                          -- compressed by gzip
    mask_sha256 VARBINARY(32) NOT NULL,   -- SHA-256 of the bytes before compression
    dice FLOAT NULL,                      -- twice the voxels in both over the sum of both, against truth; NULL where none is known
    made_at DATETIME2(3) NOT NULL CONSTRAINT DF_lung_masks_made_at DEFAULT SYSUTCDATETIME(), -- when they were stored, UTC
    CONSTRAINT PK_lung_masks PRIMARY KEY (scan_id, method),
    CONSTRAINT FK_lung_masks_scans FOREIGN KEY (scan_id) REFERENCES dbo.scans (scan_id) ON DELETE CASCADE,
    CONSTRAINT CK_lung_masks_numbers CHECK (millilitres > 0 AND dice BETWEEN 0 AND 1)
);
