-- A picture that is not a scan: a PNG, JPEG, PGM or PPM file as it was, its SHA-256, and the number of its class, 0 to 255, NULL where it
-- is not known or there are several, which dbo.image_labels has. patient_id is whom it is of, as dbo.patients has ids, whether or not that
-- patient has a scan; group_name is what pictures belong to together, such as a film, in the order of group_order.
CREATE TABLE dbo.images (
    name NVARCHAR(128) NOT NULL,
    image VARBINARY(MAX) NOT NULL,
    label TINYINT NULL,
    sha256 VARBINARY(32) NOT NULL,
    patient_id NVARCHAR(64) NULL,
    group_name NVARCHAR(128) NULL,
    group_order INT NULL,
    CONSTRAINT PK_images PRIMARY KEY (name)
);
CREATE INDEX IX_images_patient ON dbo.images (patient_id);
CREATE INDEX IX_images_group ON dbo.images (group_name);
