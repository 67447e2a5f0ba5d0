-- A picture that is not a scan.
CREATE TABLE dbo.images (
    name NVARCHAR(128) NOT NULL,   -- unique name of the picture
    image VARBINARY(MAX) NOT NULL, -- the file as it was: PNG, JPEG, PGM or PPM
    label TINYINT NULL,            -- number of its class, 0 to 255; NULL where it is not known or dbo.image_labels has several
    sha256 VARBINARY(32) NOT NULL, -- SHA-256 of the bytes of image
    patient_id NVARCHAR(64) NULL,  -- whom it is of, as dbo.patients has ids, also without a scan there; NULL where that is not known
    group_name NVARCHAR(128) NULL, -- what pictures belong to together, such as a film; NULL of a picture alone
    group_order INT NULL,          -- its place in the group; NULL of a picture alone
    CONSTRAINT PK_images PRIMARY KEY (name)
);
CREATE INDEX IX_images_patient ON dbo.images (patient_id);
CREATE INDEX IX_images_group ON dbo.images (group_name);
