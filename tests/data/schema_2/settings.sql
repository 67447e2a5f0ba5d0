-- A choice of the site, read by the procedures; sql/README.md lists the names.
CREATE TABLE dbo.settings (
    name NVARCHAR(64) NOT NULL,
    value NVARCHAR(400) NULL,
    CONSTRAINT PK_settings PRIMARY KEY (name)
);
