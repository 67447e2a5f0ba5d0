-- A choice of the site, read by the procedures.
CREATE TABLE dbo.settings (
    name NVARCHAR(64) NOT NULL, -- name of the setting; sql/README.md lists them
    value NVARCHAR(400) NULL,   -- what the site chose, as text; NULL where nothing is chosen
    CONSTRAINT PK_settings PRIMARY KEY (name)
);
