-- A member of a version of a data set, a scan or a picture. It refers to no row, because a scan or a picture may be replaced later: then
-- its hash differs, and whoever uses the data set says so.
CREATE TABLE dbo.dataset_members (
    dataset_version_id INT NOT NULL,       -- version of the data set, in dbo.dataset_versions
    position INT NOT NULL,                 -- 1, 2, 3, … by scan_id or name
    scan_id INT NULL,                      -- scan that is the member; NULL in data sets of pictures
    image_name NVARCHAR(128) NULL,         -- name of the picture that is the member; NULL in data sets of scans
    content_sha256 VARBINARY(32) NOT NULL, -- SHA-256 of the scan (content_sha256) or picture (sha256) when the version was made
    CONSTRAINT PK_dataset_members PRIMARY KEY (dataset_version_id, position),
    CONSTRAINT FK_dataset_members_versions FOREIGN KEY (dataset_version_id) REFERENCES dbo.dataset_versions (dataset_version_id),
    CONSTRAINT CK_dataset_members_one CHECK (
        (scan_id IS NOT NULL AND image_name IS NULL) OR (scan_id IS NULL AND image_name IS NOT NULL))
);
CREATE INDEX IX_dataset_members_scan ON dbo.dataset_members (scan_id);
